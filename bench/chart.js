'use strict';

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .faint { fill: #656d76; font-size: 12px; }
  .title { font-size: 15px; font-weight: 600; }
  .rule { stroke: #d0d7de; }
  .c0 { fill: #c2410c; } .c1 { fill: #8c959f; } .c2 { fill: #5b8def; } .c3 { fill: #4d9b6a; }
  .l0 { stroke: #c2410c; } .l1 { stroke: #8c959f; } .l2 { stroke: #5b8def; } .l3 { stroke: #4d9b6a; }
  .line { fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .faint { fill: #9198a1; }
    .rule { stroke: #3d444d; }
    .c0 { fill: #fb8147; } .c1 { fill: #7d8590; }
    .l0 { stroke: #fb8147; } .l1 { stroke: #7d8590; }
  }`;

/**
 * Bars: what each subject costs as a share of express-session, per scenario.
 *
 * @param {{ name: string, subjects: Record<string, { cost: object, ratio: object }> }[]} rows
 * @param {string[]} names of the subjects, in the order of their colours; at most four
 * @param {string} note under the title: machine and versions
 * @returns {string} SVG that can be read on light and on dark pages
 */
function bars(rows, names, note) {
  const left = 200;
  const unit = 380;
  const most = 1.3;
  const parts = [];
  let y = 84;
  for (const { name, subjects } of rows) {
    const shown = names.filter((subject) => subjects[subject]);
    const top = y;
    for (const subject of shown) {
      const { cost, ratio } = subjects[subject];
      const width = Math.max(1.5, Math.min(most, Math.max(0, ratio.median)) * unit);
      const label = `${micros(cost.median)} µs${ratio.median > most ? ` (${ratio.median.toFixed(1)} ×)` : ''}`;
      parts.push(`<rect class="c${names.indexOf(subject)}" x="${left}" y="${y}" width="${width.toFixed(1)}" height="11" rx="2"/>`);
      parts.push(text(left + width + 6, y + 10, label, 'faint'));
      y += 15;
    }
    parts.push(text(left - 12, (top + y) / 2 + 2, name, '', 'end'));
    y += 12;
  }
  const rule = left + unit;
  parts.unshift(`<line class="rule" x1="${rule}" x2="${rule}" y1="76" y2="${y - 8}" stroke-dasharray="3 3"/>`);
  return svg(left + unit * most + 130, y, [
    text(16, 26, 'CPU time of the session layer per request, relative to express-session', 'title'),
    text(16, 45, note, 'faint'),
    legend(names, 62),
    ...parts,
  ], 'Bars of CPU time per request for each session middleware and scenario');
}

/**
 * Lines over logarithmic axes: how cost grows.
 *
 * @param {{ title: string, unit: string, points: { at: number, costs: Record<string, number> }[] }[]} panels
 * @param {string[]} names
 * @param {string} note
 * @returns {string} SVG
 */
function lines(panels, names, note) {
  const width = 270;
  const height = 190;
  const parts = panels.flatMap((panel, index) => plot(panel, names, 64 + index * (width + 56), 110, width, height));
  return svg(64 + panels.length * (width + 56), 110 + height + 50, [
    text(16, 26, 'CPU time of the session layer per request (µs), a read', 'title'),
    text(16, 45, note, 'faint'),
    legend(names, 62),
    ...parts,
  ], 'Lines of CPU time per request over session size, cookies in the header and sessions in the store');
}

function plot({ title, unit, points }, names, left, top, width, height) {
  const values = points.flatMap(({ costs }) => Object.values(costs)).filter((cost) => cost > 0);
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const first = Math.log10(points[0].at);
  const last = Math.log10(points.at(-1).at);
  const x = (at) => left + ((Math.log10(at) - first) / (last - first)) * width;
  const y = (cost) => top + height - ((Math.log10(Math.max(cost, 10 ** low)) - low) / (high - low)) * height;

  const parts = [text(left, top - 12, title)];
  for (let power = low; power <= high; power++) {
    const at = y(10 ** power).toFixed(1);
    parts.push(`<line class="rule" x1="${left}" x2="${left + width}" y1="${at}" y2="${at}"/>`);
    parts.push(text(left - 8, Number(at) + 4, short(10 ** power), 'faint', 'end'));
  }
  for (const { at } of points) {
    if (Number.isInteger(Math.log10(at))) parts.push(text(x(at), top + height + 18, `${short(at)}${unit}`, 'faint', 'middle'));
  }
  for (const [index, name] of names.entries()) {
    const path = points.filter(({ costs }) => costs[name] !== undefined);
    const corners = path.map(({ at, costs }) => `${x(at).toFixed(1)},${y(costs[name]).toFixed(1)}`);
    parts.push(`<polyline class="line l${index}" points="${corners.join(' ')}"/>`);
    for (const corner of corners) {
      const [cx, cy] = corner.split(',');
      parts.push(`<circle class="c${index}" cx="${cx}" cy="${cy}" r="3"/>`);
    }
  }
  return parts;
}

/**
 * Lines over time, one panel below the other.
 *
 * @param {{ title: string, lines: { name: string, points: [number, number][] }[] }[]} panels points: seconds and value
 * @param {string} title
 * @param {string} note
 * @returns {string} SVG
 */
function series(panels, title, note) {
  const width = 640;
  const height = 110;
  const step = height + 62;
  const parts = panels.flatMap((panel, index) => overTime(panel, 84, 96 + index * step, width, height));
  return svg(84 + width + 40, 96 + panels.length * step, [
    text(16, 26, title, 'title'),
    text(16, 45, note, 'faint'),
    ...parts,
  ], `Lines over time: ${panels.map((panel) => panel.title).join('; ')}`);
}

function overTime({ title, lines }, left, top, width, height) {
  const points = lines.flatMap((line) => line.points);
  const last = Math.max(...points.map(([second]) => second));
  const rise = roundStep(Math.max(...points.map(([, value]) => value)) / 4);
  const most = rise * Math.max(1, Math.ceil(Math.max(...points.map(([, value]) => value)) / rise));
  const x = (second) => left + (second / last) * width;
  const y = (value) => top + height - (value / most) * height;

  const parts = [text(left, top - 12, title), legend(lines.map(({ name }) => name), top - 18, left + 240)];
  for (let value = 0; value <= most; value += rise) {
    const at = y(value).toFixed(1);
    parts.push(`<line class="rule" x1="${left}" x2="${left + width}" y1="${at}" y2="${at}"/>`);
    parts.push(text(left - 8, Number(at) + 4, short(value), 'faint', 'end'));
  }
  const run = roundStep(last / 8);
  for (let second = 0; second <= last; second += run) parts.push(text(x(second), top + height + 18, `${short(second)} s`, 'faint', 'middle'));
  for (const [index, line] of lines.entries()) {
    const corners = line.points.map(([second, value]) => `${x(second).toFixed(1)},${y(value).toFixed(1)}`);
    parts.push(`<polyline class="line l${index}" points="${corners.join(' ')}"/>`);
  }
  return parts;
}

/** The next of 1, 2, 5, 10, 20, … */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least || 1));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least);
}

function legend(names, y, left = 16) {
  let x = left;
  return names.map((name, at) => {
    const entry = `<rect class="c${at}" x="${x}" y="${y - 4}" width="11" height="11" rx="2"/>${text(x + 17, y + 6, name, 'faint')}`;
    x += 36 + name.length * 7;
    return entry;
  }).join('');
}

function svg(width, height, parts, description) {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img">`,
    `<title>${description}</title>`,
    `<style>${STYLE}\n</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x, y, content, kind = '', anchor = 'start') {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text${kind && ` class="${kind}"`} x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}

function micros(value) {
  return value.toFixed(value >= 99.5 ? 0 : value >= 9.95 ? 0 : 1);
}

function short(value) {
  return value >= 1000 ? `${value / 1000}k` : String(value);
}

module.exports = { bars, lines, series };
