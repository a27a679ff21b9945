/** Pages and metrics of a gateway with 1 process. */
import { testNumbers } from './numbers.ts';

testNumbers(1);
