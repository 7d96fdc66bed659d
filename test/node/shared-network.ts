import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SliverRecord } from '../../daemon/slivers/record.ts';
import { sliverRecord } from '../record.ts';
import { eventually, execute, type Subject, settle } from './behaviour.ts';
import { TestUplink } from './environments/uplink.ts';

/** What every environment does alike on the shared network: the same address, the same arbitration of ports. */
export function sharedNetwork(name: string, make: () => Promise<Subject & { uplink: TestUplink }>): void {
  describe(`environment ${name}, on the shared network`, () => {
    let subject: Subject & { uplink: TestUplink };
    let one: SliverRecord;
    let two: SliverRecord;
    const { address } = TestUplink;
    const sh = (record: SliverRecord, script: string) => execute(subject.environment, record, script);
    const record = (id: number): SliverRecord =>
      sliverRecord({
        id,
        name: `test_n${id}`,
        environment: name,
        imageDigest: subject.imageDigest,
        profile: subject.profile,
      });
    const owners = () =>
      subject.uplink.network.ports
        ?.list()
        .map(({ protocol, port, sliver }) => `${port}/${protocol} ${sliver}`);
    const serve = (of: SliverRecord, port: number) =>
      sh(of, `nc -ll -p ${port} -e echo 'from ${of.name}' > /dev/null 2>&1 &`);
    const asked = (port: number) => subject.uplink.outside('busybox', 'nc', '-w', '2', address, String(port));

    /** Whether the host outside answers, if only that nobody listens there. */
    const reached = async (from: SliverRecord) =>
      /refused/i.test((await sh(from, `nc -w 2 ${TestUplink.outside} 9`)).stderr);

    beforeAll(async () => {
      subject = await make();
      [one, two] = [record(301), record(302)];
      for (const sliver of [one, two]) await settle(subject.environment, sliver);
    });
    afterAll(async () => {
      for (const sliver of [one, two]) await settle(subject.environment, { ...sliver, desired: 'deleted' });
      await subject?.end();
    });

    it("gives each the node's address, an internal one, and the way out", async () => {
      const { stdout } = await sh(one, 'ip -4 addr show eth0; ip route');
      expect(stdout).toContain(`inet ${address}/32`);
      expect(stdout).toContain('inet 100.64.1.45/32');
      expect(await reached(two)).toBe(true);
    });

    it('gives each an IPv6 address of its own, by which it reaches others and is reached', async () => {
      const addresses = [one, two].map(({ id }) => subject.uplink.network.addresses(id)[1] ?? '');
      const [own = '', neighbour = ''] = addresses;
      expect((await sh(one, 'ip -6 addr show eth0')).stdout).toContain(`inet6 ${own}/128`);
      for (const to of [TestUplink.outside6, TestUplink.address6, neighbour, 'fe80::1%eth0'])
        expect((await sh(one, `nc -w 2 ${to} 9`)).stderr).toMatch(/refused/i);
      await sh(one, `nc -ll -p 8081 -e echo 'by IPv6' > /dev/null 2>&1 &`);
      await eventually(
        async () => subject.uplink.outside('busybox', 'nc', '-w', '2', own, '8081'),
        (answer) => answer === 'by IPv6\n',
      );
      await sh(one, 'killall nc');
    });

    it('gives a port to who binds it first, and refuses it to others until he lets go', async () => {
      await serve(one, 8080);
      await eventually(
        async () => owners(),
        (all) => all?.includes('8080/tcp 301') ?? false,
      );
      const refused = await sh(two, 'nc -l -p 8080');
      expect(refused.exitCode).not.toBe(0);
      expect(refused.stderr).toMatch(/in use/i);
      expect(asked(8080)).toBe('from test_n301\n');
      await sh(one, 'killall nc');
      await eventually(
        async () => owners(),
        (all) => all?.length === 0,
      );
      await serve(two, 8080);
      await eventually(
        async () => owners(),
        (all) => all?.includes('8080/tcp 302') ?? false,
      );
      expect(asked(8080)).toBe('from test_n302\n');
    });

    it('tells what went through', async () => {
      const { network } = await subject.environment.usage(two);
      expect(network?.bytes?.up).toBeGreaterThan(0);
    });

    it('connects it again after a stop, in which its port is free', async () => {
      await settle(subject.environment, { ...two, desired: 'stopped' });
      expect(owners()).toEqual([]);
      expect(subject.uplink.links()).not.toContain('sv302');
      two = { ...two, run: 2 };
      await settle(subject.environment, two);
      await serve(two, 8080);
      await eventually(
        async () => asked(8080),
        (answer) => answer === 'from test_n302\n',
      );
    });

    it('mends a link that somebody deleted', async () => {
      await subject.uplink.network.detach(one.id);
      await settle(subject.environment, one);
      expect(await reached(one)).toBe(true);
    });
  });
}
