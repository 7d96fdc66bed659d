import { examine } from '../../../daemon/node/doctor/index.ts';

// In the test VM: what the doctor finds with the state directory that is named. Prints one JSON object by id.
const [stateDirectory = '/data', ...only] = process.argv.slice(2);
const findings = await examine({
  stateDirectory,
  runDirectory: '/run/sliverd',
  ...(only.length ? { only } : {}),
  timeout: 120_000,
});
console.log(JSON.stringify(Object.fromEntries(findings.map(({ id, ok, detail }) => [id, { ok, detail }]))));
