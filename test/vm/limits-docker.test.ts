import { limits } from './limits.ts';

limits('docker');
