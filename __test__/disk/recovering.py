"""Keeps the file of its argument as a process does that recovers its log: the first header of the
shared memory is half written, and all locks for that are held ("WAL-mode File Format", section 2, at
sqlite.org). Prints `held`, and ends with its standard input."""
import fcntl, sys

LOCKS, COUNT = 120, 8
with open(sys.argv[1] + '-shm', 'r+b') as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, COUNT, LOCKS)
    shared.seek(8)
    counter = shared.read(1)
    shared.seek(8)
    shared.write(bytes([counter[0] ^ 1]))
    shared.flush()
    print('held', flush=True)
    sys.stdin.read()
