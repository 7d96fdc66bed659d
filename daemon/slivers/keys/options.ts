import { isIP } from 'node:net';

/** Options without a value, as sshd has them (auth-options.c); the second kind can be had with `no-` too. */
const FLAGS = new Set(['restrict', 'cert-authority']);
const SWITCHES = new Set([
  'port-forwarding',
  'agent-forwarding',
  'x11-forwarding',
  'touch-required',
  'verify-required',
  'pty',
  'user-rc',
]);
const PORT = /^(\*|[1-9][0-9]{0,4})$/;
const isPort = (text: string) => PORT.test(text) && (text === '*' || Number(text) <= 65_535);

/** What is wrong with the value of an option, which sshd may only find out when somebody logs in. */
const VALUES: Record<string, (value: string) => string | undefined> = {
  command: (value) => (value.trim() === '' ? 'has no command' : undefined),
  principals: (value) => (value.split(',').some((name) => name === '') ? 'has an empty name' : undefined),
  from: (value) => value.split(',').map(wrongPattern).find(Boolean),
  'expiry-time': wrongTime,
  environment: (value) =>
    /^[A-Za-z0-9_]+=/.test(value) ? undefined : 'is not NAME=value, NAME of letters, digits and _',
  permitopen: (value) => {
    const [, port] = /^(?:\[[^\]]+\]|[^:[\]\s]+):([^:]+)$/.exec(value) ?? [];
    return port && isPort(port) ? undefined : 'is not HOST:PORT (IPv6 as [::1]:80)';
  },
  permitlisten: (value) => {
    const [, port] = /^(?:(?:\[[^\]]+\]|[^:[\]\s]+):)?([^:]+)$/.exec(value) ?? [];
    return port && isPort(port) ? undefined : 'is not [HOST:]PORT';
  },
  tunnel: (value) => (/^(any|[0-9]{1,9})$/.test(value) ? undefined : 'is not the number of a device'),
};
/** sshd takes these once. */
const ONCE = new Set(['command', 'principals', 'from', 'tunnel', 'expiry-time']);

/**
 * The end of the options at the beginning of a line: the first blank outside quotes, as sshd looks for it.
 * @returns undefined when a quote isn't closed.
 */
export function endOfOptions(line: string): number | undefined {
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\' && line[at + 1] === '"') at++;
    else if (line[at] === '"') quoted = !quoted;
    else if (!quoted && (line[at] === ' ' || line[at] === '\t')) return at;
  }
  return quoted ? undefined : line.length;
}

/** Option by option, each as it is written, or what is wrong with them: never with their values, which may be secret. */
export function checkOptions(text: string): { options: string[] } | { wrong: string } {
  const options: string[] = [];
  const seen = new Set<string>();
  for (let rest = text; ; ) {
    const [whole, name = '', quoted] = /^([A-Za-z0-9-]+)(?:="((?:\\"|[^"])*)")?/.exec(rest) ?? [''];
    const word = name.toLowerCase();
    if (whole === '') return { wrong: `option ${options.length + 1} has no name` };
    const check = Object.hasOwn(VALUES, word) ? VALUES[word] : undefined;
    if (check) {
      if (quoted === undefined) return { wrong: `the option ${word} needs a value in quotes: ${word}="…"` };
      const wrong = check(quoted.replaceAll('\\"', '"'));
      if (wrong) return { wrong: `the value of ${word} ${wrong}` };
      if (ONCE.has(word) && seen.has(word)) return { wrong: `the option ${word} stands there twice` };
    } else if (!FLAGS.has(word) && !SWITCHES.has(word.replace(/^no-/, '')))
      return { wrong: `sshd knows no option '${word.slice(0, 40)}'` };
    else if (quoted !== undefined || rest[whole.length] === '=')
      return { wrong: `the option ${word} takes no value` };
    seen.add(word);
    options.push(whole);
    rest = rest.slice(whole.length);
    if (rest === '') break;
    if (!rest.startsWith(',')) return { wrong: `a comma is missing after the option ${word}` };
    rest = rest.slice(1);
    if (rest === '') return { wrong: 'the options end with a comma' };
  }
  if (seen.has('principals') && !seen.has('cert-authority'))
    return { wrong: 'principals are for a cert-authority, which this line is not' };
  return { options };
}

function wrongPattern(pattern: string): string | undefined {
  const plain = pattern.replace(/^!/, '');
  if (plain === '' || /\s/.test(plain)) return 'has an empty pattern, or one with a blank';
  const [address = '', bits, more] = plain.split('/');
  if (bits === undefined) return undefined;
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || more !== undefined || !/^[0-9]{1,3}$/.test(bits) || Number(bits) > most)
    return 'has a network that is none (as in 192.0.2.0/24)';
  return undefined;
}

function wrongTime(value: string): string | undefined {
  const why = 'is not a time: YYYYMMDD or YYYYMMDDHHMM[SS], with Z for UTC';
  const [, year, month, day, hour = '00', minute = '00', second = '00'] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/.exec(value) ?? [];
  if (year === undefined) return why;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = new Date(iso);
  return !Number.isNaN(time.getTime()) && time.toISOString() === iso ? undefined : why;
}
