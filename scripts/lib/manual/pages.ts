import { readFileSync } from 'node:fs';
import { OPTIONS } from '../../../daemon/options.ts';
import { sections, sectionsToRoff, toRoff } from './markdown.ts';
import { item, type Page, paragraph, plain, section, verbatim } from './roff.ts';
import { sliverctl } from './sliverctl.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** Every page of the manual, made from what exists: so that none says what isn't so. */
export function pages(): Page[] {
  return [sliverctl(read('docs/sliverctl.md')), nodeYaml(read('docs/configuration.md')), sliverd()];
}

function nodeYaml(markdown: string): Page {
  const [before = '', rest = ''] = (sections(markdown).get('') ?? '').split(/\n\n(?=\|)/);
  return {
    name: 'node.yaml',
    section: 5,
    what: "what a node's owner decides",
    body: [
      section('Synopsis'),
      `\\fB${plain('/etc/sliverd/node.yaml')}\\fR\n`,
      section('Description'),
      toRoff(before),
      section('Keys'),
      toRoff(rest),
      sectionsToRoff(markdown),
      section('Example'),
      verbatim(read('scripts/lib/node.yaml')),
      section('See also'),
      '\\fBsliverctl\\fR(1), \\fBsliverd\\fR(8)\n',
    ].join(''),
  };
}

function sliverd(): Page {
  return {
    name: 'sliverd',
    section: 8,
    what: 'the daemon of a node of slivers',
    body: [
      section('Synopsis'),
      `\\fBsliverd\\fR ${plain(
        Object.entries(OPTIONS)
          .map(([name, option]) => `[--${name}${'value' in option ? ` ${option.value}` : ''}]`)
          .join(' '),
      )}\n`,
      section('Description'),
      paragraph(
        'Makes this machine a node that many projects share: each has slivers on it, which look like conventional Linux ' +
          'machines. It keeps what should exist in a database, compares it with what does, and acts; it serves its ' +
          'interface on a Unix socket, and has no network listener of any kind. Slivers run on when it ends, crashes or is ' +
          'replaced, and are found again.',
      ),
      paragraph(
        'Under systemd it is the unit `sliverd.service`; slivers are in `slivers.service`, whose end is theirs.',
      ),
      section('Options'),
      ...Object.entries(OPTIONS).map(([name, option]) =>
        item(
          `\\fB${plain(`--${name}`)}\\fR${'value' in option ? ` \\fI${option.value}\\fR` : ''}`,
          plain(option.description),
        ),
      ),
      section('Signals'),
      item('TERM, INT', 'Ends after the step under way; slivers run on.'),
      section('Exit status'),
      item('0', 'It was asked to end.'),
      item('1', 'It could not start; the reason is on standard error.'),
      section('Files'),
      item('/etc/sliverd/node.yaml', 'What the owner decides.'),
      item('/var/lib/sliverd', "Images, slivers' disks, the database: what must survive a reboot."),
      item('/run/sliverd/admin.sock', 'The interface: HTTP and JSON, for root.'),
      section('See also'),
      '\\fBsliverctl\\fR(1), \\fBnode.yaml\\fR(5)\n',
    ].join(''),
  };
}
