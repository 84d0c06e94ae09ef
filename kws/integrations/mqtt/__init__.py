"""Events to a broker of MQTT, and to Home Assistant by its discovery."""
