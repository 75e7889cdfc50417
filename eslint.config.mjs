import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const MAX_FUNCTION_LINES = 60;

/** As max-lines-per-function, but what mocha's `describe` gets is a chapter, not a function. */
const house = {
  rules: {
    'max-function-lines': {
      meta: {
        type: 'suggestion',
        schema: [],
        messages: { long: 'This function has {{lines}} lines; cut it where it does two things (at most {{most}}).' },
      },
      create(context) {
        const check = (node) => {
          const { start, end } = node.loc;
          const lines = end.line - start.line + 1;
          const { parent } = node;
          const isChapter =
            parent.type === 'CallExpression' && /\bdescribe\b/.test(context.sourceCode.getText(parent.callee));
          if (lines > MAX_FUNCTION_LINES && !isChapter)
            context.report({ node, messageId: 'long', data: { lines, most: MAX_FUNCTION_LINES } });
        };
        return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
      },
    },
  },
};

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'benchmarks/node_modules/',
      'coverage/',
      '.nemesis/',
      'tests/mutation/reports/',
      'tests/mutation/.stryker-tmp/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { house },
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'TSAsExpression > TSAsExpression[typeAnnotation.type="TSUnknownKeyword"]',
          message:
            'A double cast hides what changes under it. Ask for less (Pick), use a builder or satisfies, or say why it must be in an eslint-disable comment.',
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
      'house/max-function-lines': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    // Pure rooms: time, chance and the outside world are passed in.
    files: ['*/domain/**/*.ts', 'shared/model/**/*.ts', 'shared/rules/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'process',
        'performance',
        'fetch',
        'console',
        'crypto',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Pass the time in.' },
        { object: 'Math', property: 'random', message: 'Pass a Random in.' },
      ],
    },
  },
  {
    files: ['tests/**/*.ts', 'benchmarks/**/*.ts'],
    rules: {
      // chai's assertions are property reads; mocha's callbacks are expressions.
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        module: 'writable',
        URL: 'readonly',
        performance: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
);
