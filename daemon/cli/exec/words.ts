/** Options of `exec`, and global ones, whose value is the next word. */
const WITH_VALUE = new Set(['-u', '--user', '-w', '--workdir', '-e', '--env', '--node', '--socket']);

/**
 * Puts `--` before the command of `sliver exec NAME … CMD`, when the person left it out: from the command's first
 * word on, nothing is an option of ours (`exec ucb_p2ps ls -l`).
 */
export function separateCommand(words: readonly string[]): string[] {
  let operands = 0;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '--') break;
    if (word.startsWith('-') && word !== '-') {
      if (WITH_VALUE.has(word)) at += 1;
      continue;
    }
    if (operands === 0 && word !== 'sliver') break;
    if (operands === 1 && word !== 'exec') break;
    if (operands === 3) return [...words.slice(0, at), '--', ...words.slice(at)];
    operands += 1;
  }
  return [...words];
}
