/** A time as it is told: RFC 3339 in UTC. @param milliseconds since 1970 */
export const timeText = (milliseconds: number): string => new Date(milliseconds).toISOString();
