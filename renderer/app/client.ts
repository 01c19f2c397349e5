// The contract's client, handed to every component by the app and asked for by useClient().
// Promises: one connection per window; a lost one is told once, by the frame.
// From: the contract; a component never knows which host it talks to.
import type { Client } from "#shared/contract/methods";
import { inject, type InjectionKey } from "vue";

export const clientKey: InjectionKey<Client> = Symbol("client");

export function useClient(): Client {
  const client = inject(clientKey);
  if (client === undefined) throw new Error("No client is provided above this component.");
  return client;
}
