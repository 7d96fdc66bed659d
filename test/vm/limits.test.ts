import { limits } from './limits.ts';

limits('namespaces');
