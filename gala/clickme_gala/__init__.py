"""GALA: networks that look where people look (Linsley et al., "Learning what and where to attend", 2019).

`clickme_gala.networks.build` makes one, `clickme_gala.train.train` trains it, and
`clickme_gala.evaluate.judge.evaluate` says how well it sees and where it looks. docs/gala.md has the rest.
"""
