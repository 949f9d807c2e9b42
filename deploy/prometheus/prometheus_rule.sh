#!/bin/sh
# Prints the rules of alerts.yaml as the Prometheus operator takes them, for kustomize cannot put a plain file into a
# resource: prometheus_rule.sh | kubectl apply -n NAMESPACE -f -
set -eu

cat <<'HEAD'
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: splits
  labels:
    app.kubernetes.io/name: splits
spec:
HEAD
sed '/./s/^/  /' "$(dirname -- "$0")/alerts.yaml"
