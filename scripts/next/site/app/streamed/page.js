import { setTimeout } from 'node:timers/promises';
import { headers } from 'next/headers';
import { Suspense, createElement } from 'react';
import { sessions } from '../../sessions.mjs';

/** Has two parts. The second one comes half a second later, and shows what is stored then. */
export default function Page() {
  return createElement('main', null, 'first part', createElement(Suspense, { fallback: 'please wait' }, createElement(Late)));
}

async function Late() {
  const from = await headers();
  await setTimeout(500);
  const loaded = await sessions.load(from);
  return createElement('p', null, `visits ${loaded?.visits}`);
}
