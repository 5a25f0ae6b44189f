/**
 * The modules of the addon that are only on some machines: the packages of the platforms, and the
 * file that `express-session-rs build` writes (bin/build.js). Only the type checker reads this.
 */
declare module 'express-session-rs-*' {
  const addon: typeof import('../../native');
  export = addon;
}

declare module '*/built' {
  const addon: typeof import('../../native');
  export = addon;
}
