/** Pages and metrics of a gateway with 2 processes. */
import { testNumbers } from './numbers.ts';

testNumbers(2);
