/** The daemon's own options, as node:util's parseArgs takes them; sliverd(8) is made from them too. */
export const OPTIONS = {
  config: {
    type: 'string',
    value: 'FILE',
    description: 'What the owner decides; default: /etc/sliverd/node.yaml, which need not exist.',
  },
  version: { type: 'boolean', description: 'Print the version and end.' },
} as const;
