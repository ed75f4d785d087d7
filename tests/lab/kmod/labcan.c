/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * labcan - a bus that can fail, for an emulated SJA1000.
 *
 * The emulated controller knows no bit times, no acknowledge and no error counters: every frame
 * leaves at once and nothing ever goes wrong. This module sits between the stock driver and the
 * registers of one interface and plays the missing part, so that what follows (error frames,
 * states, bus-off, restart, a transmit queue that fills and empties) is the work of the driver and
 * of the kernel.
 *
 *	modprobe labcan interface=can0
 *
 * Parameters below /sys/module/labcan/parameters, to be written at any time:
 *	cable=0		nobody acknowledges: the controller repeats its frame, becomes error-passive
 *	cable=1		it gets its acknowledge, error counters fall with each frame
 *	busoff=1	256 transmit errors: bus-off, now
 *	shorted=1	the same again after each restart, until shorted=0
 *	storm=N		N bus errors a second
 *	flapping=N	N changes a second between error-active and error-warning
 */
#include <linux/can/dev.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

/* The beginning of struct sja1000_priv, drivers/net/can/sja1000/sja1000.h. */
struct sja1000_priv {
	struct can_priv can;
	struct sk_buff *echo_skb;
	u8 (*read_reg)(const struct sja1000_priv *priv, int reg);
	void (*write_reg)(const struct sja1000_priv *priv, int reg, u8 value);
};
irqreturn_t sja1000_interrupt(int irq, void *dev_id);

/* Registers in PeliCAN mode, SJA1000 data sheet table 12. */
#define REG_MOD	  0
#define REG_CMR	  1
#define REG_SR	  2
#define REG_IR	  3
#define REG_ECC	  12
#define REG_TXERR 15

#define MOD_RESET     0x01
#define CMR_TRANSMIT  0x01
#define CMR_ABORT     0x02
#define CMR_SELF      0x10
#define SR_BUS_OFF    0x80
#define SR_ERROR      0x40
#define SR_SENDING    0x20
#define SR_COMPLETE   0x08
#define SR_FREE	      0x04
#define IR_ERROR      0x04
#define IR_PASSIVE    0x20
#define IR_BUS_ERROR  0x80
#define ECC_ACK_ERROR 0xD9 /* "other" error in the acknowledge slot, while sending */

#define TEC_WARNING 96
#define TEC_PASSIVE 128
#define TEC_BUS_OFF 127 /* what the register shows after bus-off */

static char *interface = "can0";
module_param(interface, charp, 0444);
MODULE_PARM_DESC(interface, "name of the interface");

static struct net_device *netdev;
static struct sja1000_priv *chip;
static u8 (*chip_read)(const struct sja1000_priv *priv, int reg);
static void (*chip_write)(const struct sja1000_priv *priv, int reg, u8 value);
static struct task_struct *bus;

/* What the chip is made to show; under lock. */
static DEFINE_RAW_SPINLOCK(lock);
static u8 irq_bits; /* read once */
static u8 status_bits;
static u8 held_command; /* a frame that nobody has acknowledged */
static u8 tec;

static bool cable = true;
static bool shorted;
static bool want_bus_off;
static unsigned int storm;
static unsigned int flapping;

static u8 lab_read(const struct sja1000_priv *priv, int reg)
{
	u8 value = chip_read(priv, reg);
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	switch (reg) {
	case REG_IR:
		value |= irq_bits;
		irq_bits = 0;
		break;
	case REG_SR:
		value |= status_bits;
		if (held_command)
			value = (value & ~(SR_FREE | SR_COMPLETE)) | SR_SENDING;
		break;
	case REG_ECC:
		value = ECC_ACK_ERROR;
		break;
	case REG_TXERR:
		value = tec;
		break;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return value;
}

static void lab_write(const struct sja1000_priv *priv, int reg, u8 value)
{
	bool pass = true;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (reg == REG_CMR && (value & (CMR_TRANSMIT | CMR_SELF))) {
		if (!cable || shorted || (status_bits & SR_BUS_OFF)) {
			held_command = value;
			pass = false;
		} else if (tec) {
			tec--;
		}
	} else if (reg == REG_CMR && (value & CMR_ABORT)) {
		held_command = 0;
	} else if (reg == REG_MOD && (value & MOD_RESET)) {
		held_command = irq_bits = status_bits = tec = 0;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	if (pass)
		chip_write(priv, reg, value);
}

/* The driver's interrupt handler, with the real line shut meanwhile. */
static void interrupt(u8 bits, u8 status, u8 errors)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	irq_bits |= bits;
	status_bits = status;
	tec = errors;
	raw_spin_unlock_irqrestore(&lock, flags);

	disable_irq(netdev->irq);
	local_bh_disable();
	sja1000_interrupt(netdev->irq, netdev);
	local_bh_enable();
	enable_irq(netdev->irq);
}

static void go_bus_off(void)
{
	interrupt(IR_ERROR, SR_BUS_OFF | SR_ERROR, TEC_BUS_OFF);
}

/* The bus as far as the controller can tell; every millisecond. */
static void bus_step(void)
{
	const enum can_state state = READ_ONCE(chip->can.state);
	unsigned long flags;
	u8 release = 0;
	u8 errors;

	if (!netif_running(netdev) || state == CAN_STATE_STOPPED || state == CAN_STATE_SLEEPING)
		return;
	if (state == CAN_STATE_BUS_OFF)
		return;
	if (xchg(&want_bus_off, false) || READ_ONCE(shorted)) {
		go_bus_off();
		return;
	}
	raw_spin_lock_irqsave(&lock, flags);
	if (held_command && cable) {
		release = held_command;
		held_command = 0;
		tec -= tec ? 1 : 0;
	}
	errors = tec;
	raw_spin_unlock_irqrestore(&lock, flags);

	if (release) {
		chip_write(chip, REG_CMR, release);
	} else if (READ_ONCE(held_command)) {
		if (state == CAN_STATE_ERROR_ACTIVE)
			interrupt(IR_ERROR, SR_ERROR, TEC_WARNING);
		else if (state == CAN_STATE_ERROR_WARNING)
			interrupt(IR_PASSIVE, SR_ERROR, TEC_PASSIVE);
	} else if (state == CAN_STATE_ERROR_PASSIVE && errors < TEC_PASSIVE) {
		interrupt(IR_PASSIVE, SR_ERROR, errors);
	} else if (state == CAN_STATE_ERROR_WARNING && errors < TEC_WARNING) {
		interrupt(IR_ERROR, 0, errors);
	}
}

static bool on_the_bus(void)
{
	return netif_running(netdev) && chip->can.state < CAN_STATE_BUS_OFF;
}

static void storm_step(unsigned int errors)
{
	while (errors-- && on_the_bus())
		interrupt(IR_BUS_ERROR, status_bits, tec);
}

static void flap_step(unsigned int changes)
{
	while (changes-- && on_the_bus()) {
		if (chip->can.state == CAN_STATE_ERROR_ACTIVE)
			interrupt(IR_ERROR, SR_ERROR, TEC_WARNING);
		else
			interrupt(IR_ERROR, 0, 0);
	}
}

/* How many of so many a second have become due; the rest is kept for the next time. */
static unsigned int due(u64 *owed, unsigned int rate, s64 elapsed_us)
{
	u64 n;

	*owed += (u64)rate * (u64)elapsed_us;
	n = div_u64(*owed, USEC_PER_SEC);
	*owed -= n * USEC_PER_SEC;
	return min_t(u64, n, 1000);
}

static int bus_run(void *unused)
{
	ktime_t last = ktime_get();
	u64 errors = 0; /* owed, times microseconds */
	u64 changes = 0;

	while (!kthread_should_stop()) {
		const ktime_t now = ktime_get();

		const s64 elapsed_us = ktime_us_delta(now, last);

		last = now;
		storm_step(due(&errors, READ_ONCE(storm), elapsed_us));
		flap_step(due(&changes, READ_ONCE(flapping), elapsed_us));
		bus_step();
		usleep_range(900, 1100);
	}
	return 0;
}

module_param(cable, bool, 0644);
MODULE_PARM_DESC(cable, "another node acknowledges");
module_param(shorted, bool, 0644);
MODULE_PARM_DESC(shorted, "bus-off after each restart");
module_param_named(busoff, want_bus_off, bool, 0644);
MODULE_PARM_DESC(busoff, "write 1: bus-off, once");
module_param(storm, uint, 0644);
MODULE_PARM_DESC(storm, "bus errors a second");
module_param(flapping, uint, 0644);
MODULE_PARM_DESC(flapping, "changes of state a second");

static void hook(bool on)
{
	rtnl_lock();
	chip->read_reg = on ? lab_read : chip_read;
	chip->write_reg = on ? lab_write : chip_write;
	rtnl_unlock();
}

static int __init labcan_init(void)
{
	const struct device *parent;

	netdev = dev_get_by_name(&init_net, interface);
	if (!netdev)
		return -ENODEV;
	parent = netdev->dev.parent;
	if (!parent || !parent->driver || strcmp(parent->driver->name, "kvaser_pci") != 0) {
		dev_put(netdev);
		return -EINVAL;
	}
	chip = netdev_priv(netdev);
	chip_read = chip->read_reg;
	chip_write = chip->write_reg;
	hook(true);
	bus = kthread_run(bus_run, NULL, "labcan");
	if (IS_ERR(bus)) {
		hook(false);
		dev_put(netdev);
		return PTR_ERR(bus);
	}
	return 0;
}

static void __exit labcan_exit(void)
{
	kthread_stop(bus);
	hook(false);
	synchronize_irq(netdev->irq);
	dev_put(netdev);
}

module_init(labcan_init);
module_exit(labcan_exit);
MODULE_DESCRIPTION("faults of a CAN bus for an emulated SJA1000");
MODULE_LICENSE("GPL");
