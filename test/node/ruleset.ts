/** Rules as nft(8) lists them, to be compared: without what they remember for a while (who has something open, where to). */
export function lasting(listed: string): string {
  return listed
    .replaceAll(/(set (?:seen6?|near|nearby|open_[0-9]+) \{[^}]*?)elements = \{[^}]*\}/g, '$1')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .sort()
    .join('\n');
}
