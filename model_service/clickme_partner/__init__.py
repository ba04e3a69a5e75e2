"""The partner: a network that sees only what players painted, and says what it thinks it is.

A partner is any ONNX file with input `image` uint8 [N, 224, 224, 3] RGB and output `logits` float32 [N,
1000]; what its network wants done to pixels is inside the graph.
"""
