"""Debian's python3-celery against the module, as broker and as the place of
results: celery_worker.py PORT TOKEN

Prints TAP.  With "worker" behind it is the worker.
"""

import subprocess
import sys
import time

from celery import Celery, chord, group

import tap
from tap import equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]
URL = f"redis://:{TOKEN}@127.0.0.1:{PORT}/0"

app = Celery("tasks", broker=URL, backend=URL)
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry=True,
                result_expires=3600, task_ignore_result=False)


@app.task(name="add")
def add(x, y):
    return x + y


@app.task(name="total")
def total(numbers):
    return sum(numbers)


@app.task(name="fails", bind=True, max_retries=2)
def fails(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task(name="divide")
def divide(x, y):
    return x / y


def until(what, code):
    for _ in range(2400):
        if code():
            return
        time.sleep(0.05)
    assert False, f"never: {what}"


def one():
    equal(add.delay(2, 3).get(timeout=60), 5)


def many():
    jobs = group(add.s(i, i) for i in range(50))()
    equal(jobs.get(timeout=60), [2 * i for i in range(50)])


def together():
    equal(chord(add.s(i, 1) for i in range(10))(total.s()).get(timeout=60),
          55)


def chain():
    equal((add.s(1, 2) | add.s(3) | add.s(4)).delay().get(timeout=60), 10)


def retried():
    equal(fails.delay().get(timeout=60), 2)


def failing():
    try:
        divide.delay(1, 0).get(timeout=60)
    except ZeroDivisionError:
        return
    assert False, "it has not failed"


def later():
    began = time.time()
    equal(add.apply_async((1, 1), countdown=0.5).get(timeout=60), 2)
    assert time.time() - began >= 0.5


def revoked():
    job = add.apply_async((1, 1), countdown=3600)
    job.revoke()
    until("it is revoked", lambda: any(
        job.id in ids for ids in (app.control.inspect().revoked()
                                  or {}).values()))


if __name__ == "__main__":
    if sys.argv[3:] == ["worker"]:
        app.worker_main(["worker", "--pool=threads", "--concurrency=2",
                         "--loglevel=CRITICAL", "--without-mingle"])
        sys.exit(0)

    child = subprocess.Popen([sys.executable, *sys.argv, "worker"],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)

    try:
        test("celery: a worker answers",
             lambda: until("an answer", lambda: app.control.ping(timeout=1)))

        for code in (one, many, together, chain, retried, failing, later,
                     revoked):
            test(f"celery: {code.__name__}", code)

        app.control.shutdown()
        test("celery: it ends when it is told so",
             lambda: equal(child.wait(60), 0))
    finally:
        child.kill()

    sys.exit(tap.done())
