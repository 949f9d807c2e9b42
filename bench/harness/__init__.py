"""What ./dev bench and ./dev contest share: contestants are built, held to the contract, started, loaded, measured.

    settings      how long, how often, how many
    contestants   who races: how each is built and started
    builds        builds them, and times it
    contract      holds each to the tests of the API that are for everybody
    database      the private PostgreSQL, with sample users
    watch         CPU time and memory of processes
    servers       a contestant as a process
    load          wrk, oha and pgbench
    store         what was measured, kept on disk: a contest can be resumed
    arena         where a race takes place: how one measurement is made
    race          runs measurements in random order, shows progress
    experiments/  what is measured: each module makes a list of measurements
    goals         the table of goals
    command       how each program ends
"""
