"""Debian's python3-rq against the module: rq_worker.py PORT TOKEN

Prints TAP.
"""

import logging
import multiprocessing
import sys
import time

import redis
from rq import Queue, Worker
from rq.command import send_shutdown_command
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry

import tap
from tap import equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


def connect():
    return redis.Redis(host="127.0.0.1", port=PORT, password=TOKEN)


def until(what, code):
    for _ in range(2400):
        if code():
            return
        time.sleep(0.05)
    assert False, f"never: {what}"


def burst(*queues):
    Worker(queues, connection=r).work(burst=True, logging_level="CRITICAL")


def done():
    q = Queue("done", connection=r)
    jobs = [q.enqueue("operator.add", i, 1) for i in range(5)]
    equal(q.count, 5)
    burst(q)
    equal(q.count, 0)
    equal([Job.fetch(j.id, connection=r).result for j in jobs],
          [1, 2, 3, 4, 5])
    equal(sorted(FinishedJobRegistry(queue=q).get_job_ids()),
          sorted(j.id for j in jobs))


def failing():
    q = Queue("failing", connection=r)
    job = q.enqueue("operator.truediv", 1, 0)
    burst(q)
    job.refresh()
    assert job.is_failed and "ZeroDivisionError" in job.exc_info
    equal(FailedJobRegistry(queue=q).get_job_ids(), [job.id])
    job.requeue()
    equal(q.get_job_ids(), [job.id])


def dependent():
    q = Queue("dependent", connection=r)
    first = q.enqueue("operator.mul", 6, 7)
    then = q.enqueue("operator.neg", 1, depends_on=first)
    equal(q.get_job_ids(), [first.id])
    burst(q)
    then.refresh()
    equal((first.result, then.result), (42, -1))


def priorities():
    high, low = Queue("high", connection=r), Queue("low", connection=r)
    jobs = [low.enqueue("operator.pos", 1), high.enqueue("operator.pos", 2)]
    burst(high, low)
    for j in jobs:
        j.refresh()
    assert jobs[1].ended_at < jobs[0].ended_at


def waiting(name):
    logging.disable()
    Worker([name], connection=connect()).work(logging_level="CRITICAL")


def waits():
    """A worker that waits for jobs (BLPOP), and for commands (SUBSCRIBE)."""
    q = Queue("waits", connection=r)
    child = multiprocessing.get_context("spawn").Process(
        target=waiting, args=("waits",))
    child.start()
    until("it waits", lambda: r.info("clients")["blocked_clients"] == 1)
    for i in range(5):
        job = q.enqueue("operator.add", i, 10)
        until("it is done",
              lambda: Job.fetch(job.id, connection=r).result == i + 10)
    equal(len(Worker.all(connection=r)), 1)
    send_shutdown_command(r, Worker.all(connection=r)[0].name)
    child.join(60)
    equal(child.exitcode, 0)
    equal(Worker.all(connection=r), [])


if __name__ == "__main__":
    logging.disable()
    r = connect()
    r.flushall()

    for code in (done, failing, dependent, priorities, waits):
        test(f"rq: {code.__name__}", code)

    sys.exit(tap.done())
