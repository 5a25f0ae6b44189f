import { createElement } from 'react';

/** A page of the pages router, whose `req` is that of the server in front. */
export default function Page({ told }) {
  return createElement('p', null, told);
}

export function getServerSideProps({ req }) {
  if (!req.session) return { props: { told: 'no req.session' } };
  req.session.old = (req.session.old ?? 0) + 1;
  return { props: { told: `visits ${req.session.visits}, old ${req.session.old}` } };
}
