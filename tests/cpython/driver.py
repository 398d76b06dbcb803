"""Runs the tests of one CPython test module and prints one line per test: "result id seconds".

usage: driver.py MODULE [--after ID] [--match REGEX] [--skip REGEX]
A test that takes longer than $TEST_SECONDS prints "hangs id" and ends the run; the caller starts again after it.
"""
import os
import re
import sys
import threading
import time
import unittest

SECONDS = int(os.environ.get('TEST_SECONDS', 150))


class Lines(unittest.TestResult):
    """One line per test, written at once to a descriptor that the tests do not know."""

    def __init__(self, out):
        super().__init__()
        self.out, self.current, self.started = out, None, time.monotonic()
        self.said = set()

    def startTest(self, test):
        super().startTest(test)
        self.current, self.started = test.id(), time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.current = None

    def say(self, result, test):
        name = test.id().split(' ')[0]
        if name not in self.said:
            self.said.add(name)
            os.write(self.out, f'{result} {name} {time.monotonic() - self.started:.1f}\n'.encode())

    def addSuccess(self, test):
        self.say('ok', test)

    def addError(self, test, err):
        super().addError(test, err)
        self.explain(test, self.errors)
        self.say('error', test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.explain(test, self.failures)
        self.say('failure', test)

    def addSkip(self, test, reason):
        self.say('skipped', test)

    def addExpectedFailure(self, test, err):
        self.say('ok', test)

    def addUnexpectedSuccess(self, test):
        self.say('failure', test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            self.explain(test, self.failures or self.errors)
            self.say('failure', test)

    def explain(self, test, entries):
        print(f'--- {test.id()}\n{entries[-1][1]}', file=sys.stderr, flush=True)


def watch(result):
    while True:
        time.sleep(1)
        test = result.current
        if test is not None and time.monotonic() - result.started > SECONDS:
            os.write(result.out, f'hangs {test}\n'.encode())
            os._exit(9)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main():
    module, options = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))
    out = os.dup(1)
    os.dup2(2, 1)
    result = Lines(out)
    os.chdir('/tmp')
    import test.support
    test.support.verbose = 0
    test.support.use_resources = []
    suite = unittest.defaultTestLoader.loadTestsFromName('test.' + module)
    tests = [t for t in flatten(suite) if re.search(options.get('--match', '.'), t.id())]
    if options.get('--skip'):
        tests = [t for t in tests if not re.search(options['--skip'], t.id())]
    if '--after' in options:
        ids = [t.id() for t in tests]
        tests = tests[ids.index(options['--after']) + 1:]
    threading.Thread(target=watch, args=(result,), daemon=True).start()
    unittest.TestSuite(tests).run(result)
    os.write(out, b'done -\n')
    os._exit(0)


if __name__ == '__main__':
    main()
