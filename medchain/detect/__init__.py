"""The anomaly detector: schema, preprocessing, network, scoring, threshold and bundle.

Only `network` imports tensorflow and only training imports scikit-learn; scoring needs numpy and
LiteRT. This file imports nothing, so that naming a part loads that part alone.
"""
