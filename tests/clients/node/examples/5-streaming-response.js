const response = await env.AI.run( 'anthropic/claude-haiku-4.5', { messages: [ { role: 'user', content: 'Explain the concept of recursion with a simple example.', }, ], max_tokens: 1024, stream: true, }, { gateway: { id: 'default' }, })
console.log(response)
