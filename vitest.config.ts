import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    alias: { 'flowtap/policy': new URL('./src/policy/author.ts', import.meta.url).pathname },
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    pool: 'forks',
  },
});
