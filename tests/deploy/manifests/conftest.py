import pytest
from manifests import KUBERNETES, OVERLAYS, Manifests, render


@pytest.fixture(scope="session")
def rendered():
    """Both overlays, by name. Not to be changed: Mutation.apply() copies."""
    return {overlay: Manifests(overlay, render(KUBERNETES / "overlays" / overlay)) for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request, rendered):
    return rendered[request.param]
