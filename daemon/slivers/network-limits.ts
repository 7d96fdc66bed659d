import type { NetworkLimits } from '../../netns/network-limits.ts';
import { MOST_CONNECTIONS, type RSpec } from '../resources/rspec.ts';

/** What an RSpec says of the network, in the network's own terms. */
export function networkLimits(rspec: RSpec): NetworkLimits {
  const bound = (value: number | 'max') => (value === 'max' ? Number.POSITIVE_INFINITY : value);
  const rates = (way: 'up' | 'down') => ({
    min: rspec[`net.${way}.min`],
    max: bound(rspec[`net.${way}.max`]),
    exemptMax: bound(rspec[`net.exempt.${way}.max`]),
  });
  const flows = {
    connections: Math.min(bound(rspec['net.connections']), MOST_CONNECTIONS),
    destinationsPerMinute: bound(rspec['net.destinations.minute']),
  };
  return { up: rates('up'), down: rates('down'), weight: rspec['net.weight'], flows };
}
