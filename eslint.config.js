'use strict';

const js = require('@eslint/js');
const globals = require('globals');

/** How the JavaScript is laid out: `npx eslint --fix` is its formatter. */
async function layout() {
  const { default: stylistic } = await import('@stylistic/eslint-plugin');
  const { plugins, rules } = stylistic.configs.customize({
    quotes: 'single',
    semi: true,
    arrowParens: true,
    braceStyle: '1tbs',
  });
  return {
    plugins,
    rules: {
      ...rules,
      '@stylistic/quotes': ['error', 'single', { avoidEscape: true, allowTemplateLiterals: 'always' }],
      '@stylistic/operator-linebreak': ['error', 'after', { overrides: { '?': 'before', ':': 'before' } }],
      // Left to whoever writes.
      '@stylistic/list-style': 'off',
      '@stylistic/max-statements-per-line': 'off',
      '@stylistic/multiline-ternary': 'off',
      '@stylistic/quote-props': 'off',
    },
  };
}

module.exports = layout().then((style) => [
  { ignores: ['node_modules/', 'target/', '**/*.d.ts', '__test__/types/fixtures/'] },
  js.configs.recommended,
  style,
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: { ecmaVersion: 2022, sourceType: 'commonjs', globals: globals.node },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-var': 'error',
      'no-unused-vars': ['error', { args: 'after-used', argsIgnorePattern: '^_' }],
      'prefer-const': 'error',
      strict: ['error', 'global'],
    },
  },
  {
    // What programs load, and `npx` runs: an old Node.js must be able to read it, to say that it is old.
    files: ['index.js', 'postgres.js', 'redis.js', 'bin/express-session-rs.js', 'session/{native/node-version,cookie,memory,session,store}.js'],
    languageOptions: { ecmaVersion: 2018 },
  },
  {
    // A package of ECMAScript modules among the fixtures, and an app of Next.js, which compiles them.
    files: ['**/*.mjs', '__test__/alias/layout/esm-store/*.js', 'scripts/next/site/**/*.js'],
    languageOptions: { ecmaVersion: 2022, sourceType: 'module', globals: globals.node },
  },
]);
