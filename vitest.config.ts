// How tests run. Enters: nothing; leaves: vitest's configuration.
import { defineConfig } from 'vitest/config';
import { ClosingReporter } from './test/support/reporter.ts';

export default defineConfig({
  resolve: {
    alias: {
      'flowtap/policy': new URL('./src/policy/author.ts', import.meta.url).pathname,
      'flowtap/testing': new URL('./src/testing/public.ts', import.meta.url).pathname,
    },
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    testTimeout: 60_000,
    setupFiles: ['./test/support/seed.ts'],
    pool: 'forks',
    reporters: ['default', new ClosingReporter()],
    // With --coverage only.
    coverage: {
      include: ['src/policy/**', 'src/chain/**'],
      reporter: ['text'],
      skipFull: true,
      thresholds: { 'src/policy/**': { lines: 100 }, 'src/chain/**': { lines: 100 } },
    },
  },
});
