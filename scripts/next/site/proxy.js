import { NextResponse } from 'next/server';
import { sessions } from './sessions.mjs';

export const config = { matcher: '/proxied' };

/** Lets only users pass. */
export async function proxy(request) {
  const loaded = await sessions.load(request);
  if (!loaded?.user) return NextResponse.redirect(new URL('/', request.url));
  const headers = new Headers(request.headers);
  headers.set('x-proxy-user', loaded.user);
  return NextResponse.next({ request: { headers } });
}
