import { TITLES } from './caller.ts';
import { type About, RIGHTS, type Right } from './rights.ts';

const ABOUT: Readonly<Record<About, string>> = {
  node: '',
  list: 'what it may see',
  sliver: 'of NAME',
  body: 'of the `sliver` that the body names',
  new: 'of slices that its role covers',
  port: 'of whose reservation it is',
  session: 'of who is logged in to',
  lease: 'of whose lease it is',
  loan: 'of whose loan it is, either side',
  ticket: 'of those that it issued itself',
};

const HEAD = `# Who may do what

Made by \`scripts/openapi\` of the one table that the daemon goes by (\`daemon/manager/callers/rights.ts\`). What isn't here is denied;
the administrator, who speaks by \`admin.sock\`, may all. What the roles mean and how they are given: [api.md](api.md#callers-and-rights).

A caller is \`self\` of its own sliver, always; has \`control\` of the slivers that such a role of it names; is \`authority\` of those that
it created itself and that such a role still names; and has \`broker\` and \`flows\` or not. Where a request is about a sliver of which
the caller is nothing of all this, the answer is as if there were none.

| Route | ${TITLES.join(' | ')} | |
|---|${TITLES.map(() => ':-:').join('|')}|---|
`;

/** docs/rights.md: the table of rights as people read it. */
export function rightsPage(): string {
  const row = ([route, { about, titles }]: [string, Right]) => {
    const shown = `\`${route.replaceAll(/:(\w+)/g, (_, name: string) => name.toUpperCase())}\``;
    // What everybody may, everybody may as itself.
    const cells = TITLES.map((title) => (titles.includes(title) ? 'yes' : ''));
    return `| ${[shown, ...cells, titles.length === 0 ? 'the administrator alone' : ABOUT[about]].join(' | ')} |\n`;
  };
  return HEAD + Object.entries(RIGHTS).map(row).join('');
}
