'use strict';

/** Cookie headers: such as browsers send, hand-made odd ones, and random ones. */

const { latin1, utf16, unusual } = require('./strings');

const realistic = [
  'sid=s%3Ak7Jx2mQ9vR4tW8yZ1bC3dE5fG6hJ0kLn.u2Fq%2Bd0Zr8YfQ1y%2FxkJm0oD3lT7hVb9sNcA5wE4pRzU',
  'connect.sid=s%3AaZ0b9yX8c7Wd6eV5fU4gT3hS2iR1jQ0k.PqW5%2FvLt0%2BmBz2Xn1Ka8cSd7eFr4gGy3hJu6iHo9oMl',
  '_ga=GA1.2.1483920571.1712345678; _gid=GA1.2.530018264.1719876543; _gat=1',
  '_ga=GA1.1.900112233.1700000001; _ga_7QX2M9ZK4L=GS1.1.1719900000.14.1.1719901234.60.0.0; connect.sid=s%3Aabc.def',
  '_fbp=fb.1.1716655443322.778899001; _fbc=fb.1.1716655443322.IwAR0abcDEF_ghi-JKL; fr=0Xy..Bm.aB.AAA.0.0.Bm.AWV',
  '__utma=111872281.1838283.1690.1691.1692.3; __utmz=111872281.1690.1.1.utmcsr=(direct)|utmccn=(direct)|utmcmd=(none)',
  'OptanonConsent=isGpcEnabled=0&datestamp=Mon+Jul+01+2024+10%3A11%3A12+GMT%2B0200&version=202403.1.0&groups=C0001%3A1%2CC0002%3A0',
  'prefs={"theme":"dark","lang":"de-CH","cols":[1,2,3]}; sid=abc',
  'cart=%7B%22items%22%3A%5B%7B%22id%22%3A7%2C%22qty%22%3A2%7D%5D%2C%22cur%22%3A%22%E2%82%AC%22%7D; sid=abc',
  'jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiIsIm4iOiJKw7xyZyJ9.k5vZ-0aPq_T4; csrf=Zm9vYmFy+/Zm9v==',
  'state=aGVsbG8gd29ybGQ=; nonce=Zm8=; pad===; sid=abc',
  'quoted="a quoted value"; half="open; shut=close"; both="x"; sid="s%3Aabc.def"',
  'AWSALB=R0nd/omB64+Text0000000000000000000000==; AWSALBCORS=R0nd/omB64+Text0000000000000000000000==',
  'JSESSIONID=5C2F0A9E1B7D4F3382C6E0D1A4B5F697.node1; Path=/app; sid=abc',
  'PHPSESSID=4u8e0m2t5s1q7r3n6p9v; wordpress_logged_in_5e=anna%7C1719999999%7CtOkEn%7Chash; wp-settings-1=editor%3Dtinymce',
  'XSRF-TOKEN=eyJpdiI6IlBLIn0%3D; laravel_session=eyJpdiI6Ik5vIiwidmFsdWUiOiJhYiJ9',
  'intercom-session-a1b2c3=; intercom-id-a1b2c3=0f9e8d7c-6b5a-4c3d-2e1f-001122334455; amplitude_id_x=eyJkIjoiMSJ9',
  'mp_0123_mixpanel=%7B%22distinct_id%22%3A%20%2218f-0a%22%2C%22%24device%22%3A%20%22%22%7D; ajs_anonymous_id=%22c0ffee%22',
  'lang=fr-CA,fr;q=0.8; city=Zürich; note=10% off; tz=Europe/Paris',
  'utm=src%3Dnews%26med%3Dmail%26cmp%3Dspring+sale+100%25; __cf_bm=a.B_c-1719-1.0.1.1-xyz; cf_clearance=abc-1719-1.2.1.1-def',
  '$Version=1; sid=abc; $Path=/; $Domain=.example.com',
  'sid=first; other=1; sid=second; SID=third',
];

const percentSequences = [
  '%41', '%C3%A9', '%c3%a9', '%E2%82%AC', '%F0%9F%98%80', '%EF%BB%BF', '%EF%BF%BF', '%F4%8F%BF%BF',
  '%00', '%0A', '%20', '%22', '%25', '%2525', '%3B', '%3D', '%7F', '%7f%7F',
  // Not UTF-8: overlong, surrogates, beyond U+10FFFF, stray or missing continuation bytes.
  '%C0%80', '%C1%BF', '%E0%80%80', '%E0%9F%BF', '%F0%80%80%80', '%F0%8F%BF%BF',
  '%ED%A0%80', '%ED%AF%BF', '%ED%B0%80', '%ED%BF%BF', '%ED%A0%BD%ED%B8%80',
  '%F4%90%80%80', '%F5%80%80%80', '%F8%88%80%80%80', '%FC%84%80%80%80%80', '%FE', '%FF', '%80', '%BF',
  '%C3', '%E2%82', '%F0%9F%98', '%C3A9', '%C3%', '%C3%2', '%C3%28', '%E2%28%A1', '%E2%82%28', '%F0%28%8C%BC',
  '%C3\u00a9', '%C3%C3%A9', '%A9%C3',
  // Not percent-encoding, though number parsers accept some of it.
  '%', '%%', '%2', '%G1', '%1G', '%+1', '%-1', '% 1', '%1 ', '%0x', '%u0041', '%\uff14\uff12', '%\u00b2\u00b9', '%%41', '%4%31',
];

const odd = [
  '', ' ', '=', '==', '===', 'a', 'ab', 'a=', '=a', ' =', '= ', '\t=\t', ';', ';;', '=;', ';=', ';=;', 'a;', ';a', 'a;b',
  'a;b=1', 'a;b;c=1;d', 'a=1;', 'a=1;;', ';a=1', 'a=1;b', 'a=1;b;c=2', 'a=1,b=2', 'a=1;\tb=2', 'a=1; ;b=2', 'a=1;=;b=2',
  ' a = 1 ', '\ta\t=\t1\t', 'a b=1', 'a\tb = c\td', 'a=1 2', '\u00a0a\u00a0=\u00a01\u00a0', '\r\na\r\n=\r\n1\r\n', '\va\f=\v1\f', '\u0085a=1\u0085',
  '\ufeffa=\ufeff1', '\u3000a=\u30001\u3000', '\u0000=\u0000', 'a\u0000b=c\u0000d', 'a=1\u0000; b=2',
  'a="', 'a=""', 'a="""', 'a="";b=2', 'a=";b="', 'a=" "', 'a= "x" ', 'a="x', 'a=x"', 'a=\'x\'', 'a="x"y"', 'a="x;y"', 'a="x\\"y"', 'a= " x " ; b=2',
  'a=%22x%22', 'a="%22"', 'a="%"', 'a="%41"', 'a="%4"1', '%61=1', 'a%3D=1', 'a%=1', '%ED%A0%80=1',
  'a=b=c', 'a==', 'a==b', '=a=b', 'a=1=', 'a = = b', 'a=;b=', 'a=;a=1', 'a=1;a=', 'a=1;a=2;a=3', 'a=%;a=1', 'a="1";a=2', ' a=1;a =2',
  '=1;=2', ' =1; a=2', '__proto__=1', '__proto__=1;__proto__=2', 'constructor=1', 'toString=1;toString=2', 'hasOwnProperty=1', 'length=1', '0=a;1=b', 'a;__proto__=x;a=1',
  'a=+', 'a=1+2', 'a=\\', 'a=\u00e9', 'a=\u00e9%20', '\u00e9=1', 'a=\u20ac%41', '\u20ac=1',
  'a=\u{1f600}', 'a=\ud83d', 'a=\ude00', 'a=\ude00\ud83d', 'a=\ud800%41', 'a=%41\udc00', '\ud800=1', '\ud800=1;\ud801=2', '\ud83d\ude00=1;\ud83d=2',
  'a\u013d1', 'a=1\u013bb=2', 'a=\u0122x\u0122', 'a=\u012541', '\u0161=1;a=2', 'a=1\u0120', '\u0120a=1',
  ...percentSequences.map((sequence) => `a=${sequence}; b=2`),
  ...percentSequences.map((sequence) => `a="x${sequence}y"`),
  ...unusual.map((text) => `${text}=${text}%20${text}`),
];

const long = [
  `a=${'x'.repeat(65534)}`,
  `${'n'.repeat(32768)}=${'v'.repeat(32767)}`,
  `${'x'.repeat(65536)}`,
  `${'a=1'.repeat(21845)}`,
  `${';'.repeat(65530)}a=1`,
  `${'='.repeat(65536)}`,
  `${' '.repeat(65530)}a=1`,
  `a=${' '.repeat(65530)}1`,
  `a=1${' '.repeat(65530)}`,
  `a=${'%41'.repeat(21840)}`,
  `a=${'%E2%82%AC'.repeat(7280)}`,
  `a=${'%41'.repeat(21840)}%`,
  `a=${'"'.repeat(65534)}`,
  `${'; a'.repeat(21840)}=1`,
  `${'a=1; '.repeat(13107)}b=2`,
  `a=${'\u20ac'.repeat(65534)}; b=2`,
  `a=${'\ud800'.repeat(65534)}; b=2`,
];

/** `count` pairs n0=v0; n1=v1; … */
function manyPairs(count) {
  return Array.from({ length: count }, (_, i) => `n${i}=v%20${i}`).join('; ');
}

const names = ['a', 'b', 'A', 'sid', 'connect.sid', 'SID', 'id', '', 'a b', '__proto__', 'toString', '0', '%61', 'n\u00e9'];
const rich = ['=', '=', ';', ';', ',', '"', '"', '%', '%', '%', ' ', '\t', 'a', 'b', 'A', 'F', 'c', 'E', '0', '2', '4', '8', '9', 'D', '+', '.', '\u00a0', '\u0000', '\n'];

const from = (random, list) => () => random.pick(list);

function randomPercent(random) {
  if (random.chance(0.4)) return random.pick(percentSequences);
  if (random.chance(0.3)) return encodeURIComponent(String.fromCodePoint(random.pick([random.below(0x80), random.below(0xd800), 0xe000 + random.below(0x102000)])));
  const byte = `%${(random.chance(0.7) ? 128 + random.below(128) : random.below(256)).toString(16).padStart(2, '0')}`;
  return random.chance(0.5) ? byte.toUpperCase() : byte;
}

function randomValue(random) {
  const value = random.text(6, () => (random.chance(0.6) ? randomPercent(random) : random.text(4, from(random, rich))));
  return random.chance(0.2) ? `"${value}"` : value;
}

const blank = (random) => random.text(2, from(random, [' ', ' ', '\t']));

function randomPairs(random) {
  return random.text(6, () => {
    const end = random.pick([';', '; ', '; ', ' ;', ';;', ',', '']);
    if (random.chance(0.1)) return random.pick(names) + end;
    return blank(random) + random.pick(names) + blank(random) + '=' + blank(random) + randomValue(random) + blank(random) + end;
  });
}

/** A realistic header with a piece cut out, doubled, moved or replaced. */
function mutated(random) {
  let header = random.pick(realistic);
  for (let n = 1 + random.below(4); n > 0; n--) {
    const start = random.below(header.length + 1);
    const end = Math.min(header.length, start + random.below(6));
    const piece = random.pick([
      '',
      header.slice(start, end).repeat(2),
      header.slice(0, random.below(12)),
      random.text(3, from(random, rich)),
      random.text(3, latin1(random)),
    ]);
    header = header.slice(0, start) + piece + header.slice(end);
  }
  return header;
}

function randomHeader(random) {
  switch (random.below(7)) {
    case 0:
      return random.text(80, latin1(random));
    case 1:
      return random.text(60, from(random, rich));
    case 2:
      return random.text(8, from(random, rich));
    case 3:
      return random.text(30, () => (random.chance(0.4) ? random.pick(rich) : utf16(random)()));
    case 4:
      return mutated(random);
    case 5:
      return `${random.pick(names)}=${random.text(8, () => randomPercent(random))}`;
    default:
      return randomPairs(random);
  }
}

module.exports = { realistic, odd, long, manyPairs, randomHeader };
