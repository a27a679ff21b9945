/** A worker's answers to what its primary asks on behalf of operators. Knows of the gateway only what it shows. */
import type { AskedControl } from '../control/delegated-control.ts';
import type { ControlQuestion } from './control-question.ts';

/** @returns the answer to a question, in the form that `ControlQuestions` names */
export function answerOf(gateway: AskedControl, question: ControlQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'clients':
      return gateway.clients((question as ControlQuestion<'clients'>).about);
    case 'subscriptions':
      return gateway.subscriptions((question as ControlQuestion<'subscriptions'>).about);
    case 'kick':
      return gateway.kick((question as ControlQuestion<'kick'>).about);
    default:
      return gateway[question.kind]();
  }
}
