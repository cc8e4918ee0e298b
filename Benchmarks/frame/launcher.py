"""Runs commands for the benchmark and tells what each took, from a process that stays small.

On Linux the peak memory of a process begins with that of the process that started it, so one that
has held large files in its memory cannot measure small commands. Each line of the input is a JSON
array of an argument vector and the environment; each answer is one of status, seconds, peak bytes
and the last of what the command wrote to its error stream.
"""

import json
import os
import sys
import time


def run(argv, variables, errors):
    os.ftruncate(errors, 0)
    os.lseek(errors, 0, os.SEEK_SET)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, errors, 2),
    ]
    begin = time.monotonic()
    process = os.posix_spawnp(argv[0], argv, variables, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - begin
    peak = usage.ru_maxrss << (0 if sys.platform == "darwin" else 10)
    text = os.pread(errors, 4000, max(0, os.fstat(errors).st_size - 4000))
    return [os.waitstatus_to_exitcode(status), seconds, peak, text.decode(errors="replace")]


def main():
    # The error stream of the launcher itself is a file that the commands share.
    errors = int(sys.argv[1])
    for line in sys.stdin:
        argv, variables = json.loads(line)
        try:
            answer = run(argv, variables, errors)
        except OSError as error:
            answer = [127, 0.0, 0, str(error)]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
