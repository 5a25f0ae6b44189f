import { headers } from 'next/headers';
import { createElement } from 'react';
import { sessions } from '../../sessions.mjs';

/** Shows the header that proxy.js has added, beside the session. */
export default async function Page() {
  const given = await headers();
  const loaded = await sessions.load(given);
  return createElement('p', null, `proxy for ${given.get('x-proxy-user')}, page for ${loaded?.user}`);
}
