// The last lines of a test run: why tests were skipped, and one line of totals. Enters: results; leaves: lines on standard output.
import type { Reporter, TestModule } from 'vitest/node';

/** Prints after the default reporter. A skip without a reason is shown as such: it should have one. */
export class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const reasons = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'pending') continue;
        counts[result.state]++;
        if (result.state !== 'skipped') continue;
        const reason = result.note ?? `no reason given (${test.fullName})`;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    // What fails outside of a test (a module that does not load) must not look like a success.
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    for (const [reason, count] of reasons) process.stdout.write(`skipped ${count}: ${reason}\n`);
    if (broken > 0) process.stdout.write(`${broken} errors outside of tests\n`);
    const failed = counts.failed + broken;
    process.stdout.write(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
  }
}
