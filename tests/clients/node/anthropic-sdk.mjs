// A message, a stream and two errors through @anthropic-ai/sdk; prints what came back as JSON.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: `${process.argv[2]}/ai`, apiKey: 'k', maxRetries: 0 });
const asked = {
  model: 'anthropic/claude-haiku-4.5',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'Hello' }],
};

const failure = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, message: error.message };
  }
};

const message = await client.messages.create(asked);
const events = [];
const stream = client.messages.stream(asked).on('streamEvent', (event) => events.push(event.type));
const streamed = await stream.finalMessage();
const refused = await failure(() => client.messages.create({ ...asked, max_tokens: 0 }));
const overloaded = await failure(() =>
  client.messages.create(asked, { headers: { 'x-haiku-fault': 'answer:overloaded' } }),
);
const broken = await failure(() =>
  client.messages.stream(asked, { headers: { 'x-haiku-fault': 'delivery:error-event' } }).finalMessage(),
);
console.log(JSON.stringify({ message, events, streamed, refused, overloaded, broken }));
