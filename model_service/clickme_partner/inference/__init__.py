"""A partner over HTTP: the Open Inference Protocol v2, from both sides, and a folder for Triton to serve.

The protocol is KServe's "Open Inference Protocol (V2)", its required REST part, with two of Triton's
extensions: binary tensor data, and model configuration, in which a partner's version travels. The model is
named `partner`, its one version there is `1`.
"""
