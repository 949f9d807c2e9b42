"""Many small queries for one answer: a goroutine or a future for each, or all pipelined."""

from harness.contestants import BLOCKING, COMBINED
from harness.experiments.crossover import lab_options
from harness.race import Measurement

FAN_OUTS = (1, 10, 100, 500)
CONNECTIONS = 8
SECONDS = 1.5


def measurements(arena):
    return [cell(arena, contestant, fan_out, number) for contestant in arena.contestants
            if contestant not in (BLOCKING, COMBINED) for fan_out in FAN_OUTS
            for number in range(arena.settings.cell_rounds)]


def cell(arena, contestant, fan_out, number):
    def run():
        with arena.server(contestant, *lab_options(contestant)) as server:
            return arena.loaded(server, f"/lab/users?fan_out={fan_out}", connections=CONNECTIONS, seconds=SECONDS)

    return Measurement(run, arena.seconds_of(SECONDS), experiment="fan_out", contestant=contestant.name,
                       fan_out=fan_out, connections=CONNECTIONS, round=number)
