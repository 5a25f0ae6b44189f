/** An API route of the pages router. */
export default async function handler(req, res) {
  req.session.api = (req.session.api ?? 0) + 1;
  await req.session.save();
  res.json({ old: req.session.old, api: req.session.api });
}
