#ifndef SIM_ALARM_H
#define SIM_ALARM_H

#include <stdint.h>

#include "sim/meter.h"

/* Bits of registers 178-223; 224 has the latched ones too. */
#define ALARM_LATCHED 0x001fu /* high-high, high, low, low-low, OFF: bit = level */
#define ALARM_HIGH    0x0100u
#define ALARM_LOW     0x0200u
/* Bits of registers 241-243. */
#define ALARM_VOLT_LATCHED 0x0003u /* over, under */
#define ALARM_VOLT_HIGH	   0x0100u
#define ALARM_VOLT_LOW	   0x0200u

/* Let the alarms see the measured values for some seconds; 0 seconds: only what needs no time. */
void alarm_pass(struct sim_device *device, double seconds);

/* Arm every channel that is above low-low, as after a long time on. */
void alarm_arm(struct sim_device *device);

/* A 0 written to a latched bit clears it, its delay begins anew; all else stays. */
void alarm_clear(struct sim_panel *panel, unsigned channel, uint16_t written);
void alarm_clear_volts(struct sim_device *device, unsigned input, uint16_t written);
void alarm_clear_all(struct sim_panel *panel);

/* Latch it now, whatever is measured, and count it; levels as in bits 0-4. */
void alarm_latch(struct sim_panel *panel, unsigned channel, unsigned level);
/* What is latched now; and what is not any more latches again, counted. */
void alarm_remember(const struct sim_panel *panel, uint16_t bits[SIM_CHANNELS]);
void alarm_latch_again(struct sim_panel *panel, const uint16_t bits[SIM_CHANNELS]);

/* Disarmed, timers and channel counters at 0; latched bits and global counters survive. */
void alarm_power_cycle(struct sim_device *device);

/* Registers 224, 225, and 228, 229. */
uint16_t alarm_global_latched(const struct sim_panel *panel);
uint16_t alarm_global_active(const struct sim_panel *panel);
unsigned alarm_channels(const struct sim_panel *panel, uint16_t mask);

#endif
