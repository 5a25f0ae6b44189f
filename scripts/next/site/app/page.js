import { headers } from 'next/headers';
import { createElement } from 'react';
import { sessions } from '../sessions.mjs';

/** Shows what Express, and what a route handler, has stored. */
export default async function Page() {
  const loaded = await sessions.load(await headers());
  return createElement('p', null, loaded ? `user ${loaded.user}, visits ${loaded.visits}, count ${loaded.count}` : 'no session');
}
