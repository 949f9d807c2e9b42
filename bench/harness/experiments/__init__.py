"""What is measured. Each module has measurements(arena): a list for harness.race, without side effects."""
