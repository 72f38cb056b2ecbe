const response = await env.AI.run( 'anthropic/claude-haiku-4.5', { messages: [ { role: 'user', content: 'What are the three laws of thermodynamics?', }, ], max_tokens: 1024, }, { gateway: { id: 'default' }, })
console.log(response)
