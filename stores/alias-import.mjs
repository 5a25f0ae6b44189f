/** The half of the alias that `import` asks; it runs in a thread of Node's own. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const NAME = 'express-session';
const require = createRequire(import.meta.url);
let folder;

export function initialize(data) {
  folder = path.resolve(data.folder);
}

export function resolve(specifier, context, next) {
  if (specifier !== NAME && !specifier.startsWith(`${NAME}/`)) return next(specifier, context);
  const file = require.resolve(path.join(folder, specifier.slice(NAME.length)));
  return next(pathToFileURL(file).href, context);
}
