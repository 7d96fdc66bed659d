import type { Kind, Place } from './tree.ts';

/** Fish takes a line per word, each with the place where it applies. */
export function fishScript(found: readonly Place[], keys: readonly string[]): string {
  const valued = new Set(
    found.flatMap(({ options }) => options.flatMap((option) => (option.value ? option.flags : []))),
  );
  // -n has a value in one place and none in another; long words are what people complete.
  const skip = [...valued].filter((flag) => flag.startsWith('--') || flag !== '-n');
  const lines = found.flatMap((place) => placeLines(place, keys));
  return `# Completion of sliverctl; made by 'sliverctl completion', from its own commands.
function __sliverctl_path
    set -l expecting
    for word in (commandline -opc)[2..-1]
        if test -n "$expecting"
            set expecting
            continue
        end
        if contains -- $word ${skip.join(' ')}
            set expecting 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
# $argv[1]: how many words the place has; the rest: these words.
function __sliverctl_at
    set -l path (__sliverctl_path)
    set -l depth (math (count $argv) - 2)
    test $depth -gt 0; and test "$path[1..$depth]" != "$argv[3..-1]"; and return 1
    set -l operands (math (count $path) - $depth)
    test $operands -ge $argv[1] -a $operands -le $argv[2]
end
complete -c sliverctl -f
${lines.join('\n')}
`;
}

const MANY = 99;

function placeLines(place: Place, keys: readonly string[]): string[] {
  const at = (least: number, most: number) =>
    `complete -c sliverctl -n '__sliverctl_at ${least} ${most} ${place.path}'`.replace(/ '$/, "'");
  const lines = place.words.map(
    (word) => `${at(0, 0)} -a ${word}${describe(place.descriptions.get(word) ?? '')}`,
  );
  place.operands.forEach((kind, index) => {
    const words = wordsOf(kind, keys);
    const most = place.repeats && index === place.operands.length - 1 ? MANY : index;
    if (words) lines.push(`${at(index, most)} ${words}`);
  });
  for (const { flags, description, value } of place.options) {
    const names = flags.map((flag) =>
      flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    // -x: a value and no files; -r: a value, files too.
    const words =
      value === undefined ? '' : ` ${value === 'file' ? '-r' : '-x'} ${wordsOf(value, keys) ?? ''}`.trimEnd();
    // An option of a group's commands is offered in them, not in the group.
    const reach = place.words.length > 0 && place.operands.length === 0 ? at(0, 0) : at(0, MANY);
    lines.push(`${reach} ${names.join(' ')}${words}${describe(description)}`);
  }
  return lines;
}

function wordsOf(kind: Kind, keys: readonly string[]): string | undefined {
  if (kind === 'file') return '-F';
  if (kind === 'key') return `-a '${keys.map((key) => `${key}=`).join(' ')}'`;
  if (kind === 'none' || kind === 'command') return undefined;
  return `-a '(sliverctl __complete ${kind} 2>/dev/null)'`;
}

function describe(text: string): string {
  return text ? ` -d '${text.replaceAll("'", "\\'")}'` : '';
}
