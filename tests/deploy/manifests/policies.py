"""What the manifests promise, one function each: gives the flaws, nothing when it is kept.

docs/kubernetes.md says what each one protects; mutations.py breaks each one.
"""

import policies_availability
import policies_network
import policies_security

POLICIES = {function.__name__: function for module in (policies_security, policies_availability, policies_network)
            for function in module.POLICIES}


def broken(manifests):
    """The names of the promises that these manifests do not keep, and why."""
    return {name: flaws for name, policy in POLICIES.items() if (flaws := list(policy(manifests)))}
