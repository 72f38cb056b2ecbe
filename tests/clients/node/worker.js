// Runs each example as it stands, and answers with what it printed; a stream is shown as what it carried.
const examples = {
  /* EXAMPLES */
};

const shown = async (value) =>
  value instanceof ReadableStream ? { stream: await new Response(value).text() } : value;

const thrown = async (call) => {
  try {
    return { returned: await shown(await call()) };
  } catch (error) {
    return { constructor: error.constructor.name, name: error.name, message: error.message };
  }
};

export default {
  async fetch(request, env) {
    const { model, inputs } = await request.json();
    if (inputs) return Response.json(await thrown(() => env.AI.run(model, inputs, { gateway: { id: 'default' } })));
    const printed = {};
    for (const [name, example] of Object.entries(examples)) {
      const lines = [];
      await example(env, { log: (...values) => lines.push(...values) });
      printed[name] = await Promise.all(lines.map(shown));
    }
    return Response.json({ printed, log: env.AI.aiGatewayLogId });
  },
};
