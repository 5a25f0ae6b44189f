import { createElement } from 'react';
import { login } from '../actions.js';

/** A form that works without JavaScript in the browser. */
export default function Page() {
  return createElement('form', { action: login }, createElement('input', { name: 'user' }));
}
